// Forms that may be sent later, on pages and in the page for no connection: `data-queue` is the address of the operation,
// `data-queue-as` how it wants what is sent (queue.js), `data-about` what it is about where the address does not say.
(() => {
  // The body of the API from the form's fields; numbers are numbers, and what only the page needs is left out.
  function bodyOf(form, button) {
    const body = {};
    for (const [name, value] of new FormData(form, button)) {
      if (name !== "csrf" && name !== "back" && value !== "") body[name] = name === "version" ? Number(value) : value;
    }
    return body;
  }

  const cardOf = (form) => form.closest("[data-queued-card]") ?? form.closest("article") ?? form;

  // Kept on the phone: nobody presses it again.
  function mark(form, words) {
    const card = cardOf(form);
    card.classList.add("is-queued");
    for (const button of card.querySelectorAll("button")) button.disabled = true;
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

  const labelOf = (form) => [cardOf(form).querySelector("b")?.textContent, form.querySelector("button:not([type=button])")?.textContent]
    .filter(Boolean).map((text) => text.trim()).join(": ");

  const aboutOf = (form) => form.dataset.about ?? form.dataset.queue;

  // After a start the marks are there again.
  async function markWaiting(root, words) {
    const waiting = new Set((await AquaVolt.items()).filter((item) => !item.refused).map((item) => item.about));
    for (const form of root.querySelectorAll("form[data-queue]")) if (waiting.has(aboutOf(form))) mark(form, words);
  }

  // `after(form, id)` is called when the act is on the disk; `form.submit()` is the way where nothing can be kept.
  function take(words, after) {
    document.addEventListener("submit", (event) => {
      const form = event.target.closest("form[data-queue]");
      if (!form || event.defaultPrevented) return;
      event.preventDefault();
      const body = bodyOf(form, event.submitter);
      const label = labelOf(form);
      mark(form, words);
      const how = { about: aboutOf(form), as: form.dataset.queueAs };
      AquaVolt.add(form.dataset.queue, body, label, how).then((id) => after(form, id), () => form.submit());
    });
  }

  // In the reader's words where somebody else was quicker, else in the server's.
  function whyOf({ status, detail, current }, words) {
    if (current?.acknowledged_by) return words.quicker.replace("#", current.acknowledged_by);
    return status === 409 || status === 412 ? words.changed : detail;
  }

  // What was refused, each with why and a button that takes it away.
  function listOf(found, words, changed) {
    const list = document.createElement("ul");
    for (const item of found) {
      const line = document.createElement("li");
      const text = document.createElement("span");
      const why = item.refused ? whyOf(item.refused, words) : words.waits;
      text.textContent = `${item.label} · ${new Date(item.at).toLocaleString(document.documentElement.lang)} · ${why}`;
      line.append(text);
      if (item.refused) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "btn";
        button.textContent = words.dismiss;
        button.addEventListener("click", () => AquaVolt.drop(item.id).then(changed));
        line.append(button);
      }
      list.append(line);
    }
    return list;
  }

  self.QueuedForms = { take, mark, unmark, markWaiting, listOf };
})();
