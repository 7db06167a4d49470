// Tabs with the keys of the pattern "tabs" of the ARIA Authoring Practices.

export function startTabs(list) {
    const tabs = [...list.querySelectorAll('[role="tab"]')];
    for (const tab of tabs) {
        tab.addEventListener("click", () => select(tabs, tab));
        tab.addEventListener("keydown", (event) => move(tabs, event));
    }
}

function select(tabs, chosen) {
    for (const tab of tabs) {
        tab.setAttribute("aria-selected", String(tab === chosen));
        tab.tabIndex = tab === chosen ? 0 : -1;
        document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
    chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function move(tabs, event) {
    const index = tabs.indexOf(event.currentTarget);
    const target = {
        ArrowRight: tabs[(index + 1) % tabs.length],
        ArrowLeft: tabs.at(index - 1),
        Home: tabs[0],
        End: tabs.at(-1),
    }[event.key];
    if (!target) return;
    event.preventDefault();
    select(tabs, target);
    target.focus();
}
