// Listens to the event stream of an execution and reports the last event number to Python, which redraws the page.
const MIN_INTERVAL = 250; // milliseconds between two reports, at least

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const state = (parentElement.__fbLive ??= { address: null, seq: 0 });
  state.report = setTriggerValue;
  state.seq = Math.max(state.seq, data.seq);
  if (state.address === data.address) return () => close(state, parentElement);
  state.source?.close();
  state.address = data.address;
  state.seq = data.seq;
  const source = new EventSource(`${data.address}?after=${data.seq}`);
  state.source = source;
  const onEvent = (event) => {
    const seq = Number(event.lastEventId || event.data);
    if (event.type === "happened" && seq <= state.seq) return;
    state.seq = Math.max(state.seq, seq);
    state.timer ??= setTimeout(() => {
      state.timer = null;
      state.report("seq", state.seq);
    }, MIN_INTERVAL);
  };
  source.addEventListener("happened", onEvent);
  source.addEventListener("ended", (event) => {
    onEvent(event);
    source.close();
  });
  return () => close(state, parentElement);
}

function close(state, parentElement) {
  // called on every redraw; the stream is closed only when the component has left the page
  if (parentElement.isConnected) return;
  state.source?.close();
  state.address = null;
}
