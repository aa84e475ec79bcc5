// Line icons, 24 by 24, drawn with the text's colour.
const paths = {
    chat: "M21 12a8 8 0 0 1-8 8H4l1.8-3A8 8 0 1 1 21 12z",
    runs: "M4 6h10M4 12h16M4 18h7",
    approvals: "M12 3l7.5 3v5.5c0 4.6-3.1 8-7.5 9.5-4.4-1.5-7.5-4.9-7.5-9.5V6zM9 12l2.2 2.2L15.5 10",
    pairings: "M9.5 14.5l5-5M8 11l-2.6 2.6a3.6 3.6 0 0 0 5 5L13 16M16 13l2.6-2.6a3.6 3.6 0 0 0-5-5L11 8",
    nodes: "M4 5h16v10H4zM9 19h6M12 15v4",
    gateway: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
    plus: "M12 5v14M5 12h14",
    send: "M12 19V5M6 11l6-6 6 6",
    stop: "M7 7h10v10H7z",
    close: "M6 6l12 12M18 6L6 18",
    copy: "M9 9h11v11H9zM15 9V4H4v11h5",
    check: "M5 12.5l4.5 4.5L19 7.5",
    alert: "M12 4l9 16H3zM12 10v4M12 17v.5",
    tool: "M14.5 6.5a4 4 0 0 1 5-1L17 8l1 2 2.4.4a4 4 0 0 1-5.9 2.6L8 19.5a2 2 0 0 1-3-3l6.5-6.4a4 4 0 0 1 3-3.6z",
    clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
    person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
    spark: "M12 3l1.8 5.2L19 10l-5.2 1.8L12 17l-1.8-5.2L5 10l5.2-1.8zM18 16l.8 2.2L21 19l-2.2.8L18 22l-.8-2.2L15 19l2.2-.8z",
    scales: "M12 4v16M7 20h10M5 8h14M5 8l-2.5 6h5zM19 8l-2.5 6h5z",
    flag: "M6 21V4h11l-2 4 2 4H6",
    retry: "M20 12a8 8 0 1 1-2.3-5.7M20 4v4h-4",
    note: "M6 3h9l4 4v14H6zM9 11h7M9 15h7",
    lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
    menu: "M4 7h16M4 12h16M4 17h16",
    down: "M6 9l6 6 6-6",
    sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M18.4 5.6L17 7M7 17l-1.4 1.4",
    moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
    half: "M12 21a9 9 0 1 0 0-18zM12 21a9 9 0 0 1 0-18",
    trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
    return (
        <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" fill="none"
            stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">
            <path d={paths[name]} />
        </svg>
    );
}

export function Brand({ size = 30 }: { size?: number }) {
    return (
        <svg class="brand-mark" viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
            <rect width="32" height="32" rx="9" />
            <path d="M7 25V13l3-2V8h2.5v2H15V8h2v2h2.5V8H22v3l3 2v12h-5.5v-5a3.5 3.5 0 0 0-7 0v5z" />
        </svg>
    );
}
