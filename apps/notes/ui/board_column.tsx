import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../../ui/kit/components/button";
import { showToast } from "../../../ui/kit/components/toast";
import { randomUuid } from "../../../ui/kit/login";
import { boards, change } from "./connection";
import { type Board, type Color, kColors } from "./messages";
import { notesOf, positionAt } from "./model";
import { NoteCard } from "./note_card";
import { t } from "./texts";

const kDragged = "application/x-berth-note";

export function BoardColumn(props: { board: Board; boards: readonly Board[]; index: number; wanted: string }) {
  const { board, wanted } = props;
  const all = notesOf(boards.value, board.id);
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = all.filter((note) => {
    const text = `${note.text} ${note.author} ${note.files.map((file) => file.name).join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const [fresh, setFresh] = useState<string>();
  const [dropAt, setDropAt] = useState<number>();
  const list = useRef<HTMLUListElement>(null);

  const addNote = () => {
    const id = randomUuid();
    const color = all[0]?.color ?? (kColors[props.index % kColors.length] as Color);
    change({ mt: "AddNote", id, board: board.id, text: "", color, position: positionAt(all, 0) });
    setFresh(id);
  };
  const remove = () => {
    change({ mt: "RemoveBoard", id: board.id });
    showToast({
      tone: "ok",
      text: t("board.removed", { title: board.title }),
      action: { label: t("undo"), run: () => change({ mt: "RestoreBoard", id: board.id }) },
    });
  };
  const placeOf = (event: DragEvent): number => {
    const cards = [...(list.current?.querySelectorAll(".note") ?? [])];
    const below = cards.findIndex((card) => {
      const box = card.getBoundingClientRect();
      return event.clientY < box.top + box.height / 2;
    });
    return below < 0 ? cards.length : below;
  };
  return (
    <section
      class="column"
      aria-label={board.title}
      data-drop={dropAt !== undefined || undefined}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes(kDragged)) return;
        event.preventDefault();
        setDropAt(placeOf(event));
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropAt(undefined);
      }}
      onDrop={(event) => {
        const id = event.dataTransfer?.getData(kDragged);
        setDropAt(undefined);
        if (!id) return;
        event.preventDefault();
        const others = shown.filter((note) => note.id !== id);
        const before = shown.slice(0, placeOf(event)).filter((note) => note.id !== id).length;
        change({ mt: "EditNote", id, board: board.id, position: positionAt(others, before) });
      }}
    >
      <header>
        <BoardTitle board={board} />
        <span class="count">{all.length}</span>
        <Button icon="plus" kind="quiet" small label={t("note.add")} onClick={addNote} />
        <Button icon="bin" kind="quiet" small class="late" label={t("board.remove")} onClick={remove} />
      </header>
      <ul ref={list}>
        {shown.map((note, i) => (
          <li key={note.id} data-drop-before={dropAt === i || undefined}>
            <NoteCard
              note={note}
              boards={props.boards}
              startEditing={note.id === fresh}
              onEdited={() => setFresh(undefined)}
              onDragStart={(event) => event.dataTransfer?.setData(kDragged, note.id)}
            />
          </li>
        ))}
        {shown.length === 0 && (
          <li class="nothing muted">{words.length && all.length ? t("search.none") : t("board.empty")}</li>
        )}
      </ul>
    </section>
  );
}

function BoardTitle({ board }: { board: Board }) {
  const [title, setTitle] = useState(board.title);
  const editing = useRef(false);
  useEffect(() => {
    if (!editing.current) setTitle(board.title);
  }, [board.title]);
  const save = () => {
    editing.current = false;
    const trimmed = title.trim();
    if (!trimmed) setTitle(board.title);
    else if (trimmed !== board.title) change({ mt: "EditBoard", id: board.id, title: trimmed });
  };
  return (
    <input
      class="board-title"
      aria-label={t("board.name")}
      value={title}
      maxLength={100}
      onFocus={() => {
        editing.current = true;
      }}
      onInput={(event) => setTitle(event.currentTarget.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}
