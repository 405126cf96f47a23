'use strict';
// Tells the time of day.

module.exports = (connection) => {
  connection.sendAll(`${new Date().toString()}\r\n`);
}; // closed by the server
