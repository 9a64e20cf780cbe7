// The server of npm's bittorrent-tracker on a port, without UDP: `node npm_tracker.mjs MODULES HOST PORT`.
import { pathToFileURL } from 'node:url'

const [modules, host, port] = process.argv.slice(2)
// By its file: the package's own index would load a client, with a WebRTC library.
const path = `${modules}/node_modules/bittorrent-tracker/server.js`
const { default: Server } = await import(pathToFileURL(path))
const server = new Server({ udp: false, http: true, ws: true, stats: false })
server.on('error', error => console.error(error))
server.listen(Number(port), host)
process.on('SIGTERM', () => process.exit(0))
