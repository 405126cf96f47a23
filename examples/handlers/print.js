'use strict';
// Prints what the client sends, and answers nothing.

module.exports = (connection) => {
  console.log(`a connection from ${connection.remoteAddress.address}`);
  for (const data of connection) console.log(data.toString());
  console.log('the client has closed');
};
