// Saves the comment and the edit of a review while they are typed. A text that cannot be sent is kept in this browser and
// sent once the server answers again. The server refuses a text when another window has saved one that this window has
// not seen; then the person chooses.
const SAVE_MS = 400; // milliseconds after a keystroke
const RETRY_MS = 1000;
const KEEPALIVE_LIMIT = 60000; // characters; browsers send only small requests when a page is closed

export default function (component) {
  const drafts = (window.__fbDrafts ??= new Drafts());
  drafts.show(component.data, component.parentElement, component.setTriggerValue);
}

class Drafts {
  constructor() {
    this.entries = new Map(); // review -> what was typed since the last save
    addEventListener("input", (event) => this.onInput(event.target), true);
    addEventListener("focusout", (event) => this.flush(boxOf(event.target)?.review), true);
    addEventListener("pagehide", () => this.leave());
    addEventListener("visibilitychange", () => document.hidden && this.leave());
  }

  show(data, place, report) {
    this.place = place;
    this.report = report;
    this.data = data;
    if (!data.review) return;
    const entry = this.entry(data.review);
    entry.by = data.by;
    entry.window = data.window;
    entry.hash = data.hash;
    if (!entry.known) this.restore(entry);
    if (!entry.dirty) entry.revision = data.revision;
    entry.known = true;
    this.draw(entry);
    if (entry.dirty && !entry.conflict) this.send(entry);
  }

  entry(review) {
    if (!this.entries.has(review)) this.entries.set(review, { review, fields: {}, revision: 0, message: "" });
    return this.entries.get(review);
  }

  onInput(target) {
    const box = boxOf(target);
    if (!box) return;
    const entry = this.entry(box.review);
    entry.fields[box.field] = target.value;
    entry.dirty = true;
    clearTimeout(entry.timer);
    if (entry.failed) this.keep(entry);
    else if (!entry.conflict) entry.timer = setTimeout(() => this.send(entry), SAVE_MS);
  }

  flush(review) {
    const entry = this.entries.get(review);
    if (entry?.dirty && !entry.conflict) this.send(entry);
  }

  leave() {
    for (const entry of this.entries.values()) {
      if (!entry.dirty || !entry.known) continue;
      this.keep(entry);
      entry.sending = false;
      if (!entry.conflict) this.send(entry, true);
    }
  }

  async send(entry, closing = false) {
    clearTimeout(entry.timer);
    if (!entry.known || entry.sending) return;
    entry.sending = true;
    const sent = { ...entry.fields };
    const body = JSON.stringify({ ...sent, revision: entry.revision, window: entry.window, content_hash: entry.hash });
    let answer = null;
    let reply = {};
    try {
      answer = await fetch(`/drafts/${entry.review}`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body,
        keepalive: closing && body.length < KEEPALIVE_LIMIT,
      });
      reply = await answer.json();
    } catch {
      answer = null;
    }
    entry.sending = false;
    if (!answer || answer.status >= 500) return this.onFailure(entry);
    entry.failed = false;
    const same = Object.entries(sent).every(([name, text]) => (reply[name] ?? "") === text);
    if (answer.ok || (answer.status === 409 && same)) return this.onSaved(entry, sent, reply.revision);
    if (answer.status === 409) entry.conflict = reply.revision;
    else entry.message = `Draft not saved: ${reply.message ?? answer.status}`;
    this.draw(entry);
  }

  onSaved(entry, sent, revision) {
    entry.revision = revision;
    entry.conflict = null;
    entry.message = "Draft saved";
    if (Object.entries(entry.fields).some(([name, text]) => sent[name] !== text)) return this.send(entry);
    entry.dirty = false;
    entry.fields = {};
    this.forget(entry);
    this.draw(entry);
    if (entry.restored) this.load(entry);
  }

  onFailure(entry) {
    entry.failed = true;
    entry.restored = true; // the server may have drawn an older text by the time it answers
    entry.message = "Draft not saved: the server does not answer. Your text is kept in this browser.";
    this.keep(entry);
    this.draw(entry);
    entry.timer = setTimeout(() => this.send(entry), RETRY_MS);
  }

  load(entry) {
    entry.restored = false;
    if (this.data.review === entry.review) this.report("load", `${entry.revision}:${Date.now()}`);
  }

  choose(entry, mine) {
    entry.revision = entry.conflict;
    entry.conflict = null;
    entry.restored = mine;
    if (mine) return this.send(entry);
    entry.dirty = false;
    entry.fields = {};
    entry.message = "";
    this.forget(entry);
    this.load(entry);
    this.draw(entry);
  }

  keep(entry) {
    const text = JSON.stringify({ fields: entry.fields, revision: entry.revision });
    try {
      localStorage.setItem(storageKey(entry), text);
    } catch {
      // no space: the text is still on the page
    }
  }

  restore(entry) {
    const text = localStorage.getItem(storageKey(entry));
    if (!text) return;
    const kept = JSON.parse(text);
    entry.fields = { ...kept.fields, ...entry.fields };
    entry.revision = kept.revision;
    entry.dirty = entry.restored = true;
  }

  forget(entry) {
    localStorage.removeItem(storageKey(entry));
  }

  draw(entry) {
    if (!this.place || this.data.review !== entry.review) return;
    const line = document.createElement("div");
    line.className = entry.conflict ? "fb-warning" : "fb-draft";
    line.setAttribute("role", "status");
    line.textContent = entry.conflict
      ? "You changed this draft in another window, so what you type here is not saved. "
      : entry.message;
    if (entry.conflict) {
      line.append(
        choice("Keep this text", () => this.choose(entry, true)),
        choice("Load the other text", () => this.choose(entry, false)),
      );
    }
    this.place.querySelector(".fb-draft-line").replaceChildren(line);
  }
}

function boxOf(target) {
  if (!target?.matches?.("textarea")) return null;
  const found = /st-key-fb-(comment|edit)-([\w-]+)/.exec(target.closest('[class*="st-key-fb-"]')?.className ?? "");
  return found && { field: found[1], review: found[2] };
}

function choice(text, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", act);
  return button;
}

function storageKey(entry) {
  return `fb:unsent:${entry.by}:${entry.review}`;
}
