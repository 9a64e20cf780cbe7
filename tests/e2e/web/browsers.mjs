// Two pages of a Chromium, each with a WebTorrent client: one seeds bytes, the other downloads them.
// Arguments: the path of Chromium, the tracker's URL. Prints what was downloaded and seen, as JSON.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const [path, tracker] = process.argv.slice(2)
const bundle = readFileSync(new URL('./node_modules/webtorrent/dist/webtorrent.min.js', import.meta.url))
const site = createServer((request, response) => {
  const isScript = request.url === '/webtorrent.min.js'
  response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
  response.end(isScript ? bundle : '<!doctype html><title>peer</title>')
})
await new Promise(resolve => site.listen(0, '127.0.0.1', resolve))
const home = `http://127.0.0.1:${site.address().port}/`
const browser = await chromium.launch({
  executablePath: path,
  args: [
    '--no-sandbox', '--ignore-certificate-errors', '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns'
  ]
})

async function peer () {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  page.on('console', message => console.error(message.text()))
  await page.goto(home)
  await page.evaluate(async () => {
    const { default: WebTorrent } = await import('/webtorrent.min.js')
    window.warnings = []
    window.client = new WebTorrent({ tracker: { rtcConfig: { iceServers: [] } } })
  })
  return page
}

try {
  const [seeder, leecher] = [await peer(), await peer()]
  const infoHash = await seeder.evaluate(tracker => new Promise(resolve => {
    const bytes = new Uint8Array(300000).map((_, index) => (index * 7) % 251)
    const options = { announce: [tracker], name: 'file.bin' }
    window.client.seed(new File([bytes], 'file.bin'), options, torrent => {
      torrent.on('warning', error => window.warnings.push(String(error)))
      resolve(torrent.infoHash)
    })
  }), tracker)
  const found = await leecher.evaluate(([infoHash, tracker]) => new Promise((resolve, reject) => {
    const torrent = window.client.add(infoHash, { announce: [tracker] })
    torrent.on('warning', error => window.warnings.push(String(error)))
    torrent.on('error', reject)
    torrent.on('done', async () => {
      const blob = await torrent.files[0].blob()
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()))
      const sha256 = [...digest].map(byte => byte.toString(16).padStart(2, '0')).join('')
      resolve({ sha256, size: blob.size, peers: torrent.numPeers, warnings: window.warnings })
    })
  }), [infoHash, tracker])
  found.infoHash = infoHash
  found.warnings.push(...await seeder.evaluate(() => window.warnings))
  console.log(JSON.stringify(found))
  await leecher.evaluate(() => new Promise(resolve => window.client.destroy(resolve)))
} finally {
  await browser.close()
  site.close()
}
