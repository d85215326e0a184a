// Guards the decision buttons of the review page. A press counts only when the review that it is for has been painted for
// a moment; repeated keys and second clicks do nothing. Moves the focus and the scroll position to a new review.
//
// Python draws the buttons in containers whose key ends in a token of the review's id, version and content. A token is
// armed here once it is painted; every press disarms all tokens until the page has been drawn again. A press whose
// pointer or focus came to an armed button counts although the page is drawn again meanwhile: leaving the comment box does
// that. The keys of the buttons are handled here and not by Streamlit, so that no key counts before this module is there.
const ARM_MS = 400; // milliseconds from the painting of a review to the first press that counts
const PRESS_MS = 250; // milliseconds after a press in which the server starts to answer it
const CONTAINER = '[class*="st-key-fb-press-"]';
const BUTTONS = { a: "approve", g: "changes", x: "reject", e: "edit", l: "claim", u: "undo" };
const MOVES = ["j", "k"];

export default function (component) {
  const guard = (window.__fbGuard ??= new Guard());
  guard.show(component.data);
}

class Guard {
  constructor() {
    this.armed = new Set();
    this.arming = new Map(); // token -> what cancels it
    this.held = null; // the token of the button that had been armed when the pointer or the focus came to it
    this.pressedAt = -Infinity;
    this.first = true;
    this.review = null;
    this.heading = null;
    this.style = document.head.appendChild(document.createElement("style"));
    addEventListener("keydown", (event) => this.onKey(event), true);
    addEventListener("pointerdown", (event) => this.onReach(event), true);
    addEventListener("focusin", (event) => this.onReach(event), true);
    addEventListener("click", (event) => this.onClick(event), true);
    addEventListener("visibilitychange", () => this.check());
    new MutationObserver(() => this.check()).observe(document.body, {
      subtree: true, childList: true, attributes: true,
      attributeFilter: ["data-test-script-state", "data-stale", "class"],
    });
  }

  show(data) {
    this.token = data.token;
    clearTimeout(this.undoTimer);
    this.undoIsOver = false;
    if (data.undo_ms > 0) {
      this.undoTimer = setTimeout(() => {
        this.undoIsOver = true;
        this.draw();
      }, data.undo_ms);
    }
    this.draw();
    this.check();
  }

  onKey(event) {
    const target = event.target;
    if (event.key === "Enter" || event.key === " ") {
      const container = target.closest?.(`${CONTAINER} button`)?.closest(CONTAINER);
      if (container && (event.repeat || !this.counts(tokenOf(container)))) block(event);
      return; // the click that follows disarms
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
    const key = event.key.toLowerCase();
    if (MOVES.includes(key)) {
      if (event.repeat) block(event);
      else this.disarm();
      return;
    }
    const found = BUTTONS[key] ? document.querySelectorAll(`${CONTAINER} .st-key-${BUTTONS[key]} button`) : [];
    if (found.length === 0) return;
    const token = tokenOf(found[0].closest(CONTAINER));
    block(event);
    if (!event.repeat && found.length === 1 && !found[0].disabled && this.armed.has(token)) found[0].click();
  }

  onReach(event) {
    const container = event.target.closest?.(`${CONTAINER} button`)?.closest(CONTAINER);
    const token = container && tokenOf(container);
    this.held = token && this.counts(token) ? token : null;
    this.draw();
  }

  onClick(event) {
    const button = event.target.closest?.("button");
    const container = button?.closest(CONTAINER);
    if (container && !this.counts(tokenOf(container))) block(event);
    else if (container || button?.closest(".st-key-fb-turn, .st-key-fb-left")) this.disarm();
  }

  counts(token) {
    return this.armed.has(token) || this.held === token;
  }

  disarm() {
    this.held = null;
    this.pressedAt = performance.now();
    this.first = false;
    this.armed.clear();
    for (const cancel of this.arming.values()) cancel();
    this.arming.clear();
    this.draw();
    setTimeout(() => this.check(), PRESS_MS + 10);
  }

  check() {
    this.moveFocus();
    const present = new Set([...document.querySelectorAll(CONTAINER)].filter(isFresh).map(tokenOf));
    for (const token of this.armed) if (!present.has(token)) this.armed.delete(token);
    for (const [token, cancel] of this.arming) {
      if (present.has(token)) continue;
      cancel();
      this.arming.delete(token);
    }
    const idle = performance.now() - this.pressedAt >= PRESS_MS && !document.hidden && isDrawn();
    for (const token of present) {
      if (idle && !this.armed.has(token) && !this.arming.has(token) && this.isComplete(token)) this.arm(token);
    }
    this.draw();
  }

  arm(token) {
    let cancelled = false;
    this.arming.set(token, () => (cancelled = true));
    const delay = this.first ? 0 : ARM_MS;
    const finish = () => {
      if (cancelled) return;
      this.arming.delete(token);
      if (document.hidden || !this.isComplete(token)) return this.check();
      this.first = false;
      this.armed.add(token);
      this.draw();
    };
    // the second frame starts after the first one has been painted
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(finish, delay)));
  }

  isComplete(token) {
    // the buttons of the review need its heading; the others (undo, confirm) stand alone
    return token !== this.token || [...document.querySelectorAll(`.fb-of-${token}`)].some(isFresh);
  }

  moveFocus() {
    const heading = [...document.querySelectorAll('.fb-heading[class*="fb-item-"]')].find(isFresh);
    if (!heading || heading === this.heading) return;
    const review = /fb-item-([\w-]+)/.exec(heading.className)[1];
    const moved = this.review !== null && this.review !== review;
    // a redraw of the same heading replaces the element that had the focus
    const replaced = this.review === review && this.focused && document.activeElement === document.body;
    this.review = review;
    this.heading = heading;
    if (!moved && !replaced) return;
    const active = document.activeElement;
    if (isTyping(active) && !active.closest(".st-key-fb-right")) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    this.focused = true;
    if (moved) document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  }

  draw() {
    const rules = [...this.armed, ...(this.held ? [this.held] : [])].map(
      (token) => `.st-key-fb-press-${token} button:not(:disabled) { opacity: 1; cursor: pointer; pointer-events: auto; }`,
    );
    if (this.undoIsOver) rules.push(".st-key-fb-undo { display: none !important; }");
    const text = rules.join("\n");
    if (this.style.textContent !== text) this.style.textContent = text;
    for (const button of document.querySelectorAll(`${CONTAINER} button`)) {
      const off = !this.counts(tokenOf(button.closest(CONTAINER)));
      if (off !== (button.getAttribute("aria-disabled") === "true")) {
        if (off) button.setAttribute("aria-disabled", "true");
        else button.removeAttribute("aria-disabled");
      }
    }
  }
}

function tokenOf(container) {
  return /st-key-fb-press-(\w+)/.exec(container.className)[1];
}

function isTyping(element) {
  return !!element?.matches?.("input, textarea, select, [contenteditable=true]");
}

function isFresh(element) {
  return !element.closest('[data-stale="true"]') && !element.querySelector('[data-stale="true"]');
}

function isDrawn() {
  const app = document.querySelector('[data-testid="stApp"]');
  return (
    app?.getAttribute("data-test-script-state") === "notRunning" &&
    !document.querySelector('.st-key-fb-right [data-testid="stSkeleton"]')
  );
}

function block(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}
