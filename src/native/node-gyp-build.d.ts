declare module 'node-gyp-build' {
  /** Loads the addon of the package in `directory`: a fresh build if there is one, else the prebuild that fits. */
  function load(directory: string): unknown;
  export = load;
}
