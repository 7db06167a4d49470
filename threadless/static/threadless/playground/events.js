// Reads server-sent events.

/** Yields the data of each event, which is one line. Comments are pings and are skipped. */
export async function* events(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) if (line.startsWith("data: ")) yield line.slice(6);
    }
}
