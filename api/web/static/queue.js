// What this phone keeps for one person: the last state of some pages, and acts that wait to be sent. Used by pages and by
// the service worker. Everything belongs to `owner`; another owner or a sign-out takes all of it away.
(() => {
  const NAME = "aquavolt";
  const PATIENCE_MS = 20000;
  const PHOTO_PATIENCE_MS = 180000; // ten megabytes over a poor line
  const MOST_KEPT = 40; // pages; the oldest go first
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

  const kept = () => within(["kept"], "readonly", (store) => store.getAll());

  async function keep(name, html, title, address) {
    await within(["kept"], "readwrite", (store) => store.put({ name, html, title, address, at: new Date().toISOString() }, name));
    const oldest = (await kept()).sort((one, other) => (one.at < other.at ? 1 : -1)).slice(MOST_KEPT);
    if (oldest.length) await within(["kept"], "readwrite", (store) => { for (const part of oldest) store.delete(part.name); });
  }

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

  function actOf(path, body, label, { about = path, as = "act", rescue = null }) {
    const [at, key] = [new Date().toISOString(), newKey()];
    const words = body.note ?? body.text ?? null;
    return { key, path, about, as, body: JSON.stringify(WRITTEN[as](body, at, key)), label, at, words, rescue, refused: null };
  }

  function photoOf(path, file, label, about) {
    return { key: newKey(), path, about, as: "photo", body: file, label, at: new Date().toISOString(), words: null, rescue: null, refused: null };
  }

  // `about`: what it is about, so that nobody does it twice; `as`: how the operation wants it; `rescue`: the operation that
  // takes its words as a remark where it is refused; `photos`: `{ path, file, label }`, sent before it. All or nothing is
  // kept; the id is the act's, or the last photo's where there is no act (no path).
  function add(path, body, label, { photos = [], ...how } = {}) {
    const about = path ? `${how.about}#photos` : how.about;
    const all = photos.map((photo) => photoOf(photo.path, photo.file, photo.label, about));
    if (path) all.push(actOf(path, body, label, how));
    return within(["queue"], "readwrite", (store) => all.map((item) => store.add(item)).at(-1));
  }

  const items = () => within(["queue"], "readonly", (store) => store.getAll());
  const drop = (id) => within(["queue"], "readwrite", (store) => store.delete(id));
  const put = (item) => within(["queue"], "readwrite", (store) => store.put(item));

  // It was refused for what others did meanwhile: it is done on whatever stands now.
  function again(item) {
    const { version, ...body } = JSON.parse(item.body);
    return put({ ...item, key: newKey(), body: JSON.stringify(body), refused: null });
  }

  // It was refused, its words are not lost: they become a remark, in its place.
  function rescue(item) {
    const body = JSON.stringify({ text: item.words, said_at: item.at });
    return put({ ...item, key: newKey(), path: item.rescue, about: item.rescue, as: "act", body, words: null, rescue: null, refused: null });
  }

  // Several at once are answered each by itself.
  function taken({ items, version }) {
    const refused = Array.isArray(items) && items.find((one) => one.result === "refused");
    return refused ? { refused: reasonOf(200, refused) } : { isSent: true, version };
  }

  const reasonOf = (status, { detail = null, code = null, texts = null, current = null }) =>
    ({ status, detail, code: code ?? (status === 404 ? "gone" : null), texts, by: current?.by ?? current?.acknowledged_by ?? null });

  const isPhoto = (item) => item.as === "photo";

  // A tick says what the phone's clock says now, so that a clock that is wrong is put right.
  const bodyOf = (item) => item.as === "tick" ? JSON.stringify({ ...JSON.parse(item.body), sent_at: new Date().toISOString() }) : item.body;

  async function post(item, csrf) {
    const type = isPhoto(item) ? item.body.type || "application/octet-stream" : "application/json";
    const answer = await fetch(item.path, {
      method: "POST", body: bodyOf(item), credentials: "same-origin",
      signal: AbortSignal.timeout(isPhoto(item) ? PHOTO_PATIENCE_MS : PATIENCE_MS),
      headers: { "Content-Type": type, "Idempotency-Key": item.key, ...(csrf ? { "X-CSRF-Token": csrf } : {}) },
    });
    if (answer.ok) return taken(await answer.json().catch(() => ({})));
    // Not the act's fault: it waits. Without a fresh token a refusal may mean no more than another sign-in.
    if (answer.status === 401) return { stopped: "signed out" };
    if (answer.status === 429 || answer.status >= 500) return { stopped: "offline" };
    const problem = await answer.json().catch(() => ({}));
    return { refused: reasonOf(answer.status, { detail: answer.statusText, ...problem }) };
  }

  const thingOf = (path) => path.slice(0, path.lastIndexOf("/"));

  // What was done here one after the other: the next act on the same thing is on the version that this one made.
  async function carryOn(done, version) {
    const seen = isPhoto(done) ? undefined : JSON.parse(done.body).version;
    if (seen === undefined || version === undefined) return;
    const next = (await items()).filter((item) => item.id !== done.id && !item.refused && !isPhoto(item) && thingOf(item.path) === thingOf(done.path));
    for (const item of next) {
      const body = JSON.parse(item.body);
      if (body.version === seen) await put({ ...item, body: JSON.stringify({ ...body, version }) });
    }
  }

  async function sendNow(isFresh) {
    const { csrf } = await state();
    const result = { sent: 0, refused: 0, stopped: null };
    for (;;) {
      const item = (await items()).find((one) => !one.refused);
      if (!item) return result;
      const became = await post(item, csrf).catch(() => ({ stopped: "offline" }));
      if (became.refused?.status === 403 && !isFresh) became.stopped = "signed out";
      if (became.stopped) return { ...result, stopped: became.stopped };
      if (became.isSent) { await carryOn(item, became.version); await drop(item.id); result.sent += 1; }
      else { await put({ ...item, refused: became.refused }); result.refused += 1; }
    }
  }

  // One sender at a time, over all tabs and the worker; the key makes sure of it where there are no locks.
  const send = ({ isFresh }) =>
    self.navigator.locks ? self.navigator.locks.request(LOCK, () => sendNow(isFresh)) : sendNow(isFresh);

  self.AquaVolt = { state, become, speak, forget, forgetPages, keep, kept, add, again, rescue, items, drop, send };
})();
