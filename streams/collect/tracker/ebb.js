/* ebb.js tells Ebbtide what shoppers do: docs/tracker.md. No cookies, no fingerprints.
   After a change: make tracker. */
(() => {
  "use strict";
  const VERSION = "1.0.0";
  const SESSION = 30 * 60e3; // ms of silence that end a visit
  const TOGETHER = 200; // ms that an event waits for others, to be sent with them
  const PATIENCE = 30e3; // ms in which the collector must answer
  const LONGEST_PAUSE = 3600e3;
  const MOST = 500; // events that wait, at most, and their characters
  const MOST_TEXT = 1e6;
  const EVENT_BYTES = 32e3;
  const BATCH_BYTES = 60e3; // browsers send no more than 64 KiB when a page is left
  const PREFIX = "ebb."; // of all that is stored

  const script = document.currentScript || document.querySelector("script[data-key]");
  const stub = window.ebb;
  if (!script || (stub && stub.push && !Array.isArray(stub))) return; // the page has it twice

  const options = script.dataset;
  const host = (options.host || script.src.replace(/[^/]*$/, "")).replace(/\/+$/, "");
  const category = options.category || "analytics";
  const required = options.consent === "required";
  const signal = navigator.globalPrivacyControl || navigator.doNotTrack === "1";
  const objects = "dnt" in options && options.dnt !== "false" && signal;

  // -- what is stored: by the browser, or in memory where it stores nothing -----------------

  const memory = {};
  const onDisk = (work) => {
    try {
      return work(localStorage);
    } catch (error) {
      return null;
    }
  };
  const read = (name) => memory[name] || onDisk((disk) => disk.getItem(PREFIX + name));
  const write = (name, text) => {
    memory[name] = text;
    onDisk((disk) => {
      disk.setItem(PREFIX + name, text);
      delete memory[name];
    });
  };
  const drop = (name) => {
    delete memory[name];
    onDisk((disk) => disk.removeItem(PREFIX + name));
  };
  const names = () => {
    const stored = onDisk((disk) => Object.keys(disk)) || [];
    const ours = stored.filter((name) => name.startsWith(PREFIX));
    return ours.map((name) => name.slice(PREFIX.length)).concat(Object.keys(memory));
  };
  // Each event has its own name, so that tabs do not overwrite one another; the names sort by time.
  const waiting = () => names().filter((name) => name.startsWith("q.")).sort();
  const clear = () => names().forEach(drop);
  const parsed = (name) => {
    try {
      return JSON.parse(read(name));
    } catch (error) {
      return null;
    }
  };

  // -- who it is ------------------------------------------------------------------------------

  const newId = () =>
    crypto.randomUUID
      ? crypto.randomUUID() // only with TLS
      : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
          (byte + 256).toString(16).slice(1)
        ).join("");
  const anonymous = () => {
    if (!read("anonymous")) write("anonymous", newId());
    return read("anonymous");
  };
  const session = (at) => {
    let [id, last] = (read("session") || "").split(" ");
    if (!id || at - last > SESSION) id = newId();
    write("session", id + " " + at);
    return id;
  };

  // -- whether it may be told -----------------------------------------------------------------

  let said = null; // on this page; what was said before is stored
  const held = []; // events that wait for a word, in memory only
  const consents = () => said || parsed("consent");
  const allowed = () => {
    const given = consents() || {};
    return !objects && (category in given ? given[category] : required ? null : true);
  };
  const consent = (preferences) => {
    said = {};
    for (const name in preferences) said[name] = preferences[name] === true;
    const answer = allowed();
    if (answer === false) clear();
    // A refusal is stored only where the next page would not know of it.
    if (answer || !(required || objects)) write("consent", JSON.stringify(said));
    const events = answer === null ? [] : held.splice(0);
    if (answer) events.forEach(keep);
  };

  // -- what is told ---------------------------------------------------------------------------

  const bare = (url) => url.split(/[?#]/)[0]; // the rest may be a secret, or somebody's name
  let place = null; // where the shopper is, and was before
  let before = document.referrer;
  const here = () => ({
    path: location.pathname,
    referrer: bare(before),
    title: document.title,
    url: bare(location.href),
  });
  const campaign = () => {
    const words = new URLSearchParams(location.search);
    const word = (name) => words.get("utm_" + name) || undefined;
    const [name, source, medium] = [word("campaign"), word("source"), word("medium")];
    return name || source ? { name, source, medium } : undefined;
  };

  const tell = (message) => {
    moved(); // what is done on a page comes after the page
    message.messageId = message.messageId || newId();
    message.originalTimestamp = new Date().toISOString();
    message.context = {
      campaign: campaign(),
      library: { name: "ebb.js", version: VERSION },
      page: here(),
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
    message = JSON.parse(JSON.stringify(message)); // the shop may go on to change its objects
    const answer = allowed();
    if (answer) keep(message);
    else if (answer === null && held.length < MOST) held.push(message);
  };

  const own = new Set(); // names of the events that this page stored
  const keep = (message) => {
    const { type, userId } = message;
    const user = read("user");
    if (type === "reset" || (type === "identify" && userId && user && user !== userId)) {
      // Somebody else at the same device: the two are not one customer.
      ["user", "anonymous", "session"].forEach(drop);
    }
    if (type === "reset") return;
    if (type === "alias") message.previousId = message.previousId || user || anonymous();
    if (userId) write("user", userId);
    else message.userId = read("user") || undefined;
    message.anonymousId = anonymous();
    message.context.sessionId = session(Date.parse(message.originalTimestamp));
    const given = consents();
    if (given) message.context.consent = { categoryPreferences: given };

    const text = JSON.stringify(message);
    if (bytes(text) > EVENT_BYTES) throw RangeError("too large: " + (message.event || type));
    const older = waiting();
    const size = () => older.reduce((sum, name) => sum + (read(name) || "").length, text.length);
    while (older.length >= MOST || size() > MOST_TEXT) drop(older.shift());
    const last = older.length ? parseInt(older[older.length - 1].slice(2), 36) : 0;
    const name = "q." + Math.max(Date.now(), last + 1).toString(36) + "." + newId();
    own.add(name);
    write(name, text);
    later(TOGETHER);
  };

  // -- how it is sent -------------------------------------------------------------------------

  const bytes = (text) => new Blob([text]).size;
  const batchOf = (events) => {
    const chosen = [];
    const texts = [];
    let size = 500;
    for (const name of events) {
      const text = read(name);
      if (!text) continue; // another tab has sent it
      size += bytes(text) + 1;
      if (chosen.length && size > BATCH_BYTES) break;
      chosen.push(name);
      texts.push(text);
    }
    const words = JSON.stringify({ sentAt: new Date().toISOString(), writeKey: options.key });
    return { chosen, body: '{"batch":[' + texts + "]," + words.slice(1) };
  };

  // After failures: how many, until when to wait, and whether the collector asked for it.
  const pause = () => {
    const [failures, until, asked] = parsed("pause") || [0, 0, false];
    const left = until - Date.now();
    return { failures, asked, left: left > LONGEST_PAUSE ? 0 : left }; // the clock was set back
  };
  const failed = (failures, retryAfter) => {
    // Seconds or a date; or twice as long each time, and not all shoppers at once.
    const told = retryAfter > 0 ? retryAfter * 1e3 : Date.parse(retryAfter) - Date.now();
    const grown = Math.min(300, 2 ** failures) * 500;
    const wait = told > 0 ? told * (1 + Math.random() / 10) : grown * (1 + Math.random());
    const until = Date.now() + Math.min(wait, LONGEST_PAUSE);
    write("pause", JSON.stringify([failures + 1, until, told > 0]));
  };

  const post = async (body, keepalive) => {
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), PATIENCE);
    try {
      // Plain text needs no preflight; a redirect would make it a GET, which delivers nothing.
      const answer = await fetch(host + "/v1/batch", {
        method: "POST",
        body,
        credentials: "omit",
        keepalive,
        redirect: "error",
        signal: stop.signal,
      });
      await answer.text(); // until then its bytes count among the 64 KiB
      return answer;
    } catch (error) {
      return { status: 0 };
    } finally {
      clearTimeout(clock);
    }
  };

  let flying = [];
  let gone = false; // the page is left: what it asked for ends, and that is no failure
  const drain = async () => {
    while (allowed() && pause().left <= 0) {
      const { chosen, body } = batchOf(waiting());
      if (!chosen.length) return;
      const { failures } = pause();
      flying = chosen;
      const { status, headers } = await post(body, !failures);
      flying = [];
      if (gone && !status) return;
      const refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
      if (refused) console.warn("ebb: the collector refuses " + chosen.length + ": " + status);
      if (refused || status === 200) {
        chosen.concat("pause").forEach(drop);
        chosen.forEach((name) => own.delete(name));
      } else if (allowed()) {
        failed(failures, headers && headers.get("Retry-After"));
      }
    }
  };

  let timer = 0;
  let busy = false;
  const later = (wait) => {
    timer = timer || setTimeout(flush, wait);
  };
  const rest = () => {
    clearTimeout(timer);
    timer = 0;
  };
  const flush = async () => {
    rest();
    if (busy) return;
    busy = true;
    try {
      // One tab at a time, where the browser has locks.
      await (navigator.locks ? navigator.locks.request("ebb", drain).catch(drain) : drain());
    } catch (error) {
      console.warn("ebb:", error);
    }
    busy = false;
    if (allowed() && waiting().length) later(Math.max(pause().left, TOGETHER));
  };

  // Whether a beacon arrived, nobody tells. Its events stay, and are sent again under the same
  // ids when the shopper is back: the collector counts them once.
  const leave = () => {
    const { asked, left } = pause();
    const safe = !Object.keys(memory).length;
    if (!allowed() || (asked && left > 0 && safe)) return;
    rest();
    const url = host + "/beacon/v1/batch?writeKey=" + encodeURIComponent(options.key);
    let events = waiting().filter((name) => own.delete(name) && !flying.includes(name));
    while (events.length) {
      const { chosen, body } = batchOf(events);
      if (!chosen.length || !navigator.sendBeacon(url, body)) return;
      events = events.filter((name) => name > chosen[chosen.length - 1]);
    }
  };

  // -- what the shop calls --------------------------------------------------------------------

  const guarded = (work) => (...words) => {
    try {
      return work(...words);
    } catch (error) {
      console.warn("ebb:", error); // and the shop goes on
    }
  };
  const id = (given) => (given == null || given === "" ? undefined : String(given));
  const calls = {
    alias: (userId, previousId) =>
      tell({ type: "alias", userId: id(userId), previousId: id(previousId) }),
    consent,
    flush,
    identify: (userId, traits) => {
      if (typeof userId === "object") [userId, traits] = [null, userId];
      tell({ type: "identify", userId: id(userId), traits });
    },
    page: (name, properties) => {
      if (typeof name === "object") [name, properties] = [null, name];
      tell({ type: "page", name: id(name), properties: { ...here(), ...properties } });
    },
    push: (...stubbed) => stubbed.forEach(guarded(([name, ...words]) => api[name](...words))),
    reset: () => tell({ type: "reset" }),
    track: (event, properties = {}) => {
      const order = event === "Order Completed" && id(properties.order_id);
      const messageId = order && "purchase:" + encodeURIComponent(order);
      const message = { type: "track", event: id(event), properties };
      // A thank-you page that is opened again is the same order.
      tell(messageId && messageId.length <= 100 ? { ...message, messageId } : message);
    },
  };
  const EVENTS =
    "Cart Shared,Cart Viewed,Checkout Started,Checkout Step Completed,Checkout Step Viewed," +
    "Coupon Applied,Coupon Denied,Coupon Entered,Coupon Removed,Order Cancelled,Order Completed," +
    "Order Refunded,Order Updated,Payment Info Entered,Product Added,Product Added to Wishlist," +
    "Product Clicked,Product List Filtered,Product List Viewed,Product Removed," +
    "Product Removed from Wishlist,Product Reviewed,Product Shared,Product Viewed," +
    "Products Searched,Promotion Clicked,Promotion Viewed,Wishlist Product Added to Cart";
  for (const event of EVENTS.split(",")) {
    const method = event.replace(/ (.)/g, (_, letter) => letter.toUpperCase());
    calls[method[0].toLowerCase() + method.slice(1)] = (properties) =>
      calls.track(event, properties);
  }
  const api = { version: VERSION };
  for (const name in calls) api[name] = guarded(calls[name]);

  const address = () => location.href.split("#")[0];
  const moved = () => {
    if (options.auto === "false" || address() === place) return;
    if (place) before = place;
    place = address();
    api.page();
  };
  const entered = () => setTimeout(guarded(moved)); // first the shop gives the page its title
  const watched = (change, entering) =>
    function (...words) {
      const settled = address() === place;
      change.apply(this, words);
      if (entering || !settled) entered();
      else place = address(); // another address of the same page
    };
  const on = (target, event, work) => target.addEventListener(event, guarded(work));
  const start = guarded(() => {
    window.ebb = api;
    if (objects) clear();
    if (options.auto !== "false") {
      moved();
      history.pushState = watched(history.pushState, true);
      history.replaceState = watched(history.replaceState, false);
      on(window, "popstate", entered);
      on(window, "pageshow", ({ persisted }) => persisted && api.page());
    }
    on(window, "pageshow", () => {
      gone = false;
    });
    if (Array.isArray(stub)) {
      api.push(...stub.slice());
      stub.push = api.push;
    }
    on(window, "storage", ({ key }) => {
      if (!key || key === PREFIX + "consent") said = null; // said anew in another tab
    });
    on(window, "online", () => {
      if (!pause().asked) drop("pause");
      flush();
    });
    on(window, "pagehide", () => {
      gone = true;
      leave();
    });
    on(document, "visibilitychange", () => (document.hidden ? leave() : flush()));
    later(TOGETHER);
  });
  if (document.prerendering) on(document, "prerenderingchange", start);
  else start();
})();
