{
  "variables": {
    # The package that a server installs carries the headers of node-addon-api in native/third_party; a checkout has
    # the npm package.
    "addon_api": "<!(node -p \"try { require('node-addon-api').include_dir } catch { 'native/third_party/node-addon-api' }\")"
  },
  "targets": [
    {
      "target_name": "listenq",
      "conditions": [
        ["OS!='linux'", { "type": "none" }],
        ["OS=='linux'", {
          "sources": ["<!@(node -p \"require('fs').readFileSync('native/sources.txt', 'utf8').trim().split('\\n').map((file) => 'native/' + file).join(' ')\")"],
          "include_dirs": ["<(addon_api)"],
          # The last: in a worker that is being terminated nothing can be thrown any more, and that is no reason to abort.
          "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
          # nodelete: Node unmaps an addon with the last worker that loaded it, and a thread may still be asking the resolver.
          "ldflags": ["-Wl,-z,nodelete", "-Wl,--version-script=<(module_root_dir)/native/exports.map"],
          "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-Wno-unused-parameter"],
          "cflags_cc": [
            "-std=c++20", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-exceptions", "-fno-rtti",
            "-Wall", "-Wextra", "-Wpedantic", "-Werror"
          ]
        }]
      ]
    }
  ]
}
