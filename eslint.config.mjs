import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What Node gives every program; eslint has no list of its own. */
const nodeGlobals = Object.fromEntries(
  [
    ...[
      'AbortController',
      'AbortSignal',
      'Buffer',
      'URL',
      'console',
      'performance',
      'process',
      'queueMicrotask',
    ],
    ...['clearImmediate', 'clearInterval', 'clearTimeout', 'setImmediate', 'setInterval', 'setTimeout'],
    ...['SharedArrayBuffer', 'TextDecoder', 'TextEncoder', 'fetch', 'structuredClone'],
  ].map((name) => [name, 'readonly']),
);
const commonJs = Object.fromEntries(
  ['require', 'module', 'exports', '__dirname', '__filename'].map((name) => [name, 'readonly']),
);

const everywhere = {
  eqeqeq: 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
};

export default defineConfig(
  globalIgnores(['**/node_modules', '**/build', '**/build-*', 'dist', 'dist-test', 'prebuilds', 'native']),
  {
    files: ['**/*.ts'],
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
    ],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...everywhere,
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // `import load = require(…)` is how TypeScript spells the import of a CommonJS function.
      '@typescript-eslint/no-require-imports': ['error', { allowAsImport: true }],
      // It asks for `!` where the strict rules forbid that; `as` at least names the type that is meant.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // Numbers say themselves plainly in a message: ports, descriptors, sizes.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `=> doIt()` reads well where the value is void anyway.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Programs for child processes and workers are written as functions that must name nothing outside themselves.
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      // `void listener.fd;` reads a property for what reading it does.
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // The runner itself waits for what these return.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['describe', 'it', 'suite', 'test'] },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [js.configs.recommended],
    languageOptions: { globals: nodeGlobals },
    rules: everywhere,
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    extends: [js.configs.recommended],
    languageOptions: { sourceType: 'commonjs', globals: { ...nodeGlobals, ...commonJs } },
    rules: everywhere,
  },
);
