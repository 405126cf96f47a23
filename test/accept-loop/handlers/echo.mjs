/** Sends back what it gets. */
export default function echo(connection) {
  for (const data of connection) connection.sendAll(data);
}
