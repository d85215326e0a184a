// Opens a step of an execution without loading the page anew: reports a click on its link to Python.
export default function (component) {
  const links = (window.__fbStepLinks ??= listen());
  links.report = component.setTriggerValue;
  // the drawer is drawn outside of the app's element, whose colour scheme (light or dark) its colours have
  document.body.style.colorScheme = getComputedStyle(document.querySelector(".stApp")).colorScheme;
}

function listen() {
  const links = { report: null };
  addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a.fb-step-link") : null;
    const own = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !own || !links.report) return; // a new tab opens the address of the link
    event.preventDefault();
    links.report("path", new URL(link.href).searchParams.get("step"));
  });
  return links;
}
