'use strict';

module.exports = (connection) => {
  connection.send('x');
};
