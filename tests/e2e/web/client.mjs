// The client of npm's bittorrent-tracker over a WebSocket, without WebRTC: it announces without offers.
// Arguments: the tracker's URL. Prints the updates and the scrape that it got, as JSON.
import { register } from 'node:module'

// The client imports a WebRTC library with a binary part, which these steps do not need.
register('data:text/javascript,' + encodeURIComponent(`
  export async function resolve (name, context, next) {
    if (name !== 'webrtc-polyfill') return next(name, context)
    const names = ['RTCPeerConnection', 'RTCSessionDescription', 'RTCIceCandidate']
    const text = names.map(each => 'export class ' + each + ' {}').join(';') + ';export default {}'
    return { url: 'data:text/javascript,' + encodeURIComponent(text), shortCircuit: true }
  }
`))
const { default: Client } = await import('bittorrent-tracker')
const client = new Client({
  infoHash: '6161616161616161616161616161616161616161',
  peerId: '2d575730323038ff00112233445566778899aabb',
  announce: [process.argv[2]],
  port: 6881
})
const warnings = []
client.on('warning', error => warnings.push(String(error)))
client.on('error', error => warnings.push(String(error)))
const next = name => new Promise(resolve => client.once(name, resolve))
const step = async (name, action) => {
  const result = next(name)
  action()
  const { complete, incomplete, downloaded, infoHash } = await result
  return { complete, incomplete, downloaded, infoHash }
}
const results = {
  started: await step('update', () => client.start({ left: 5, numwant: 0 })),
  updated: await step('update', () => client.update({ left: 5, numwant: 0 })),
  completed: await step('update', () => client.complete({ left: 0 })),
  scraped: await step('scrape', () => client.scrape()),
  stopped: await step('update', () => client.stop())
}
console.log(JSON.stringify({ ...results, warnings }))
client.destroy(() => process.exit(0))
