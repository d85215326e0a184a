// Listens to the live stream of an execution and tells Python how far it has come; Python draws.
const APART = 250; // milliseconds between two tellings, at least

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const held = (parentElement.__fbLive ??= { address: null, seq: 0 });
  held.tell = setTriggerValue;
  held.seq = Math.max(held.seq, data.seq);
  if (held.address === data.address) return () => close(held, parentElement);
  held.source?.close();
  held.address = data.address;
  held.seq = data.seq;
  const source = new EventSource(`${data.address}?after=${data.seq}`);
  held.source = source;
  const arrived = (event) => {
    const seq = Number(event.lastEventId || event.data);
    if (event.type === "happened" && seq <= held.seq) return;
    held.seq = Math.max(held.seq, seq);
    held.timer ??= setTimeout(() => {
      held.timer = null;
      held.tell("seq", held.seq);
    }, APART);
  };
  source.addEventListener("happened", arrived);
  source.addEventListener("ended", (event) => {
    arrived(event);
    source.close();
  });
  return () => close(held, parentElement);
}

function close(held, parentElement) {
  // called when the component leaves the page; a redraw with the same address keeps its stream
  if (parentElement.isConnected) return;
  held.source?.close();
  held.address = null;
}
