// Forms that may be sent later, on pages and in the page for no connection: `data-queue` is the address of the operation
// (empty: photos alone are sent), `data-queue-as` how it wants what is sent (queue.js), `data-queue-photos` where photos
// go, `data-queue-rescue` where its words go as a remark if it is refused, `data-about` what it is about where the address
// does not say, `data-label` what that is called, `data-again` that it may be sent more than once.
(() => {
  const PAGES_OWN = ["csrf", "back", "photo", "id"];
  const TYPED = { version: Number, line: Number, done: (value) => value === "1", cost: (value) => Number(value.replace(",", ".")) };
  const QUICKER = [null, "conflict", "wrong_state"];

  // The body of the API from the form's fields; what only the page needs is left out.
  function bodyOf(form, button) {
    const body = {};
    for (const [name, value] of new FormData(form, button)) {
      if (!PAGES_OWN.includes(name) && value !== "") body[name] = TYPED[name]?.(value) ?? value;
    }
    return body;
  }

  function photosOf(form, words) {
    const path = form.dataset.queuePhotos;
    const files = path ? new FormData(form).getAll("photo").filter((file) => file.size) : [];
    return files.map((file) => ({ path, file, label: `${form.dataset.label ?? ""} ${words.photo} ${file.name}`.trim() }));
  }

  const cardOf = (form) => form.closest("[data-queued-card]") ?? form.closest("article") ?? form;

  // Kept on the phone: nobody presses it again.
  function mark(form, words) {
    const card = cardOf(form);
    card.classList.add("is-queued");
    for (const button of card.querySelectorAll("button")) button.disabled = !("again" in form.dataset);
    if (card.querySelector(".av-queued")) return;
    const note = document.createElement("p");
    note.className = "av-queued";
    note.setAttribute("role", "status");
    note.textContent = words.kept;
    card.append(note);
  }

  function unmark(form) {
    const card = cardOf(form);
    card.classList.remove("is-queued");
    for (const button of card.querySelectorAll("button")) button.disabled = false;
    card.querySelector(".av-queued")?.remove();
  }

  const stampOf = (form) => cardOf(form).querySelector(".av-drill")?.textContent;
  const labelOf = (form, button) => [stampOf(form), form.dataset.label ?? cardOf(form).querySelector("b")?.textContent, button?.textContent]
    .filter(Boolean).map((text) => text.trim()).join(": ");

  const aboutOf = (form) => form.dataset.about ?? form.dataset.queue;

  // After a start the marks are there again.
  async function markWaiting(root, words) {
    const waiting = new Set((await AquaVolt.items()).filter((item) => !item.refused).map((item) => item.about));
    for (const form of root.querySelectorAll("form[data-queue]")) if (waiting.has(aboutOf(form))) mark(form, words);
  }

  // What went out meanwhile is no longer marked; where it was taken, its fold closes so that the page may be read anew.
  async function settle(root) {
    const found = await AquaVolt.items();
    const [waiting, refused] = [false, true].map((is) => new Set(found.filter((item) => Boolean(item.refused) === is).map((item) => item.about)));
    for (const form of root.querySelectorAll("form[data-queue]")) {
      if (waiting.has(aboutOf(form)) || !cardOf(form).classList.contains("is-queued")) continue;
      unmark(form);
      if (!refused.has(aboutOf(form))) form.closest("[data-hold]")?.removeAttribute("open");
    }
  }

  // `after(form, id)` is called when the act is on the disk, `failed(form)` where nothing can be kept.
  function take(words, after, failed) {
    document.addEventListener("submit", (event) => {
      const form = event.target.closest("form[data-queue]");
      if (!form || event.defaultPrevented) return;
      event.preventDefault();
      const { queue, queueAs, queueRescue } = form.dataset;
      const how = { about: aboutOf(form), as: queueAs, rescue: queueRescue, photos: photosOf(form, words) };
      const [body, label] = [bodyOf(form, event.submitter), labelOf(form, event.submitter)];
      mark(form, words);
      AquaVolt.add(queue, body, label, how).then((id) => after(form, id), () => failed(form));
    });
  }

  function whyOf({ code, by, texts, detail }, words) {
    if (by && QUICKER.includes(code)) return words.quicker.replace("#", words.names[by] ?? by);
    return texts?.[document.documentElement.lang] ?? words.why[code] ?? detail;
  }

  function buttonOf(label, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn";
    button.textContent = label;
    button.addEventListener("click", act);
    return button;
  }

  // What can still be done with what was refused: nothing that somebody wrote is lost unless they say so.
  function waysOut(item, words, changed) {
    const ways = [buttonOf(words.dismiss, () => AquaVolt.drop(item.id).then(changed))];
    if (item.rescue && item.words) ways.unshift(buttonOf(words.rescue, () => AquaVolt.rescue(item).then(changed)));
    if (item.refused.code === "conflict") ways.unshift(buttonOf(words.again, () => AquaVolt.again(item).then(changed)));
    return ways;
  }

  // What waits, and what was refused with why.
  function listOf(found, words, changed) {
    const list = document.createElement("ul");
    for (const item of found) {
      const line = document.createElement("li");
      const text = document.createElement("span");
      const at = new Date(item.at).toLocaleString(document.documentElement.lang);
      const why = item.refused ? whyOf(item.refused, words) : words.waits;
      text.textContent = [item.label, item.words && `“${item.words}”`, at, why].filter(Boolean).join(" · ");
      line.append(text, ...(item.refused ? waysOut(item, words, changed) : []));
      list.append(line);
    }
    return list;
  }

  self.QueuedForms = { take, mark, unmark, markWaiting, settle, listOf };
})();
