'use strict';
// Sends back what it gets, until the peer ends its side.

module.exports = (connection) => {
  for (;;) {
    const data = connection.recv(1024);
    if (data.length === 0) break;
    connection.sendAll(data);
  }
  connection.shutdown('write');
};
