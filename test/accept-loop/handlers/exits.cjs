'use strict';
process.exit(4);
