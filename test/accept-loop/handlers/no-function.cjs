'use strict';
module.exports = { serve: 1 };
