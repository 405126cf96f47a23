'use strict';

/** serveBlocking closes the connection itself. */
module.exports = () => undefined;
