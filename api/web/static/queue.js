// What this phone keeps for one person: the last state of some pages, and acts that wait to be sent. Used by pages and by
// the service worker. Everything belongs to `owner`; another owner or a sign-out takes all of it away.
(() => {
  const NAME = "aquavolt";
  const PATIENCE_MS = 20000;
  const LOCK = "aquavolt-send";
  let opening = null;

  function open() {
    opening ??= new Promise((done, failed) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("state");
        request.result.createObjectStore("kept");
        request.result.createObjectStore("queue", { keyPath: "id", autoIncrement: true });
      };
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    }).catch((error) => { opening = null; throw error; });
    return opening;
  }

  // One transaction over some stores; done when it is on the disk.
  async function within(names, mode, act) {
    const database = await open();
    return new Promise((done, failed) => {
      const transaction = database.transaction(names, mode, { durability: "strict" });
      let request = null;
      transaction.oncomplete = () => done(request?.result);
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
      request = act(...names.map((name) => transaction.objectStore(name)));
    });
  }

  const state = async () => (await within(["state"], "readonly", (store) => store.get("who"))) ?? {};

  const forget = () => within(["state", "kept", "queue"], "readwrite", (...stores) => { for (const s of stores) s.clear(); });

  const forgetPages = () => within(["kept"], "readwrite", (store) => store.clear());

  async function become(owner, csrf, language) {
    const before = await state();
    if (before.owner !== undefined && before.owner !== owner) await forget();
    await within(["state"], "readwrite", (store) => store.put({ owner, csrf, language }, "who"));
  }

  // Of nobody in particular: the page for no connection speaks it too.
  async function speak(language) {
    const before = await state();
    await within(["state"], "readwrite", (store) => store.put({ ...before, language }, "who"));
  }

  const keep = (name, html, title) =>
    within(["kept"], "readwrite", (store) => store.put({ name, html, title, at: new Date().toISOString() }, name));

  const kept = () => within(["kept"], "readonly", (store) => store.getAll());

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  }

  // What the operation takes: when the person did it, whenever it arrives, and the key in the tick itself where it is one.
  const WRITTEN = {
    act: (body, at) => ({ ...body, said_at: at }),
    plain: (body) => body,
    tick: (body, at, key) => ({ ticks: [{ ...body, id: key, at }] }),
  };

  // `about`: what it is about, so that nobody does it twice; `as`: how the operation wants it.
  function add(path, body, label, { about = path, as = "act" } = {}) {
    const at = new Date().toISOString();
    const key = newKey();
    const item = { key, path, about, body: JSON.stringify(WRITTEN[as](body, at, key)), label, at, refused: null };
    return within(["queue"], "readwrite", (store) => store.add(item));
  }

  const items = () => within(["queue"], "readonly", (store) => store.getAll());
  const drop = (id) => within(["queue"], "readwrite", (store) => store.delete(id));
  const put = (item) => within(["queue"], "readwrite", (store) => store.put(item));

  // Several at once are answered each by itself.
  function taken({ items }) {
    const refused = Array.isArray(items) && items.find((one) => one.result === "refused");
    return refused ? { refused: { status: 200, detail: refused.detail, current: null } } : { isSent: true };
  }

  async function post(item, csrf) {
    const answer = await fetch(item.path, {
      method: "POST", body: item.body, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS),
      headers: { "Content-Type": "application/json", "Idempotency-Key": item.key, ...(csrf ? { "X-CSRF-Token": csrf } : {}) },
    });
    if (answer.ok) return taken(await answer.json().catch(() => ({})));
    // Not the act's fault: it waits. Without a fresh token a refusal may mean no more than another sign-in.
    if (answer.status === 401) return { stopped: "signed out" };
    if (answer.status === 429 || answer.status >= 500) return { stopped: "offline" };
    const problem = await answer.json().catch(() => ({}));
    return { refused: { status: answer.status, detail: problem.detail ?? answer.statusText, current: problem.current ?? null } };
  }

  async function sendNow(isFresh) {
    const { csrf } = await state();
    const result = { sent: 0, refused: 0, stopped: null };
    for (const item of await items()) {
      if (item.refused) continue;
      const became = await post(item, csrf).catch(() => ({ stopped: "offline" }));
      if (became.refused?.status === 403 && !isFresh) became.stopped = "signed out";
      if (became.stopped) return { ...result, stopped: became.stopped };
      if (became.isSent) { await drop(item.id); result.sent += 1; }
      else { await put({ ...item, refused: became.refused }); result.refused += 1; }
    }
    return result;
  }

  // One sender at a time, over all tabs and the worker; the key makes sure of it where there are no locks.
  const send = ({ isFresh }) =>
    self.navigator.locks ? self.navigator.locks.request(LOCK, () => sendNow(isFresh)) : sendNow(isFresh);

  self.AquaVolt = { state, become, speak, forget, forgetPages, keep, kept, add, items, drop, send };
})();
