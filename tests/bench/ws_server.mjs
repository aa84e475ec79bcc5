// The yardstick of the Node world: the npm package ws; parses each message, answers, stringifies.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('listening', () => console.log(`127.0.0.1:${server.address().port}`));
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    const request = JSON.parse(data);
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: request.id, result: { server_time: new Date().toISOString() } }));
  });
});
process.stdin.on('end', () => process.exit(0)).resume();
