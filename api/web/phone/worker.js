// The service worker: keeps the product's own files and the page for no connection. It never keeps a page or an answer
// that belongs to somebody: what a person left offline stands in IndexedDB (queue.js) and goes at sign-out.
const VERSION = "{{version}}";
const FILES = {{files}};
const CACHE = `aquavolt-${VERSION}`;
const SHELLS = { "zh-CN": "/offline/zh-CN", en: "/offline/en" };
const PROXY_SAYS_DOWN = [502, 504];

importScripts(`/static/queue.js?v=${VERSION}`);

// A new version waits until the app is closed: it is taken at its next start, never under somebody's hands.
self.addEventListener("install", (event) => {
  const own = FILES.map((address) => new Request(address, { credentials: "omit" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(own)));
});

async function begin() {
  for (const name of await caches.keys()) {
    if (name.startsWith("aquavolt-") && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}
self.addEventListener("activate", (event) => event.waitUntil(begin()));
self.addEventListener("message", (event) => { if (event.data === "take") event.waitUntil(self.clients.claim()); });

const kept = (request) => caches.match(request, { cacheName: CACHE, ignoreVary: true });

async function shell() {
  const { language } = await AquaVolt.state().catch(() => ({}));
  return (await kept(SHELLS[language] ?? SHELLS["zh-CN"])) ?? Response.error();
}

async function page(request) {
  try {
    const answer = await fetch(request);
    return PROXY_SAYS_DOWN.includes(answer.status) ? shell() : answer;
  } catch {
    return shell();
  }
}

// Files whose address names their version never change; of the others the newest that can be had.
async function file(request, isVersioned) {
  const known = await kept(request);
  if (known && isVersioned) return known;
  return fetch(request).catch(() => known ?? Response.error());
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (/^\/(static|vendor)\//.test(address.pathname)) event.respondWith(file(request, address.searchParams.has("v")));
});

// Where the browser has Background Sync, the queue goes out though the app is closed.
async function sendAll() {
  const result = await AquaVolt.send({ isFresh: false });
  if (result.sent || result.refused) for (const client of await self.clients.matchAll()) client.postMessage("sent");
  if (result.stopped === "offline") throw new Error("no connection yet"); // the browser tries again later
}
self.addEventListener("sync", (event) => { if (event.tag === "aquavolt-queue") event.waitUntil(sendAll()); });
