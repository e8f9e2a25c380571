// Looks again while a file is being written; stops when the last one is done.

const EVERY = 2_000;

async function look() {
    const shown = document.getElementById("l-exports");
    if (shown === null || !("working" in shown.dataset)) return;
    if (!document.hidden) {
        const answer = await fetch(window.location.href);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("l-exports");
        if (answer.ok && fresh) shown.replaceWith(document.adoptNode(fresh));
    }
    setTimeout(() => look().catch(() => setTimeout(look, EVERY)), EVERY);
}

setTimeout(look, EVERY);
