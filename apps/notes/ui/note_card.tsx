import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { now } from "../../../ui/kit/clock";
import { Bar } from "../../../ui/kit/components/bar";
import { Button } from "../../../ui/kit/components/button";
import { showToast } from "../../../ui/kit/components/toast";
import { ago, fullTime, size } from "../../../ui/kit/i18n";
import { Icon } from "../../../ui/kit/icons";
import { boards, change, link, people, session, setWriting, unsaved } from "./connection";
import { attach, fileAddress, isPicture, uploads } from "./files";
import { type Board, kColors, type Note, type NoteFile } from "./messages";
import { notesOf, positionAt } from "./model";
import { NoteText } from "./note_text";
import { t } from "./texts";

const kSaveAfterMs = 500;
const encoder = new TextEncoder();

interface NoteCardProps {
  note: Note;
  boards: readonly Board[];
  /** A note just made: the cursor is in it at once. */
  startEditing: boolean;
  onEdited(): void;
  onDragStart(event: DragEvent): void;
}

export function NoteCard({ note, boards: all, startEditing, onEdited, onDragStart }: NoteCardProps) {
  const [editing, setEditing] = useState(startEditing);
  const picker = useRef<HTMLInputElement>(null);
  const offline = link.state.value.name !== "open";
  const writer = people.value.find((one) => one.note === note.id && one.session !== session.value?.session);
  const waiting = unsaved.value.has(note.id);
  const sending = uploads.value.filter((one) => one.note === note.id);

  const remove = () => {
    change({ mt: "RemoveNote", id: note.id });
    showToast({
      tone: "ok",
      text: t("note.removed"),
      action: { label: t("undo"), run: () => change({ mt: "RestoreNote", id: note.id }) },
    });
  };
  const stopEditing = () => {
    setEditing(false);
    onEdited();
    setWriting(undefined);
    // Opened, nothing written, left again: no empty card remains.
    const latest = boards.value.notes.get(note.id);
    if (latest && latest.text.trim() === "" && latest.files.length === 0 && sending.length === 0)
      change({ mt: "RemoveNote", id: note.id });
  };
  return (
    <article
      class={`note ${note.color}`}
      draggable={!editing}
      onDragStart={onDragStart}
      data-waiting={waiting || undefined}
      onDragOver={(event) => {
        if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
      }}
      onDrop={(event) => {
        const files = event.dataTransfer?.files;
        if (!files?.length) return;
        event.preventDefault();
        event.stopPropagation();
        attach(note.id, files);
      }}
    >
      {editing ? (
        <Editor note={note} onDone={stopEditing} />
      ) : (
        <div
          class="note-text"
          tabIndex={0}
          role="button"
          aria-label={`${t("note.edit")}: ${note.text}`}
          onClick={(event) => {
            if (!(event.target as Element).closest("a")) setEditing(true);
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter") {
              event.preventDefault();
              setEditing(true);
            } else if (event.key === "Delete") remove();
          }}
        >
          {note.text ? <NoteText text={note.text} /> : <span class="muted">{t("note.placeholder")}</span>}
        </div>
      )}
      <Attachments note={note} />
      {sending.map((one) => (
        <div key={one.id} class="sending small">
          {one.name} <Bar share={one.share} label={one.name} />
        </div>
      ))}
      <footer>
        <span class="by ellipsis" title={fullTime(note.changedAt)}>
          {writer ? (
            <em>{t("note.writing", { name: writer.name })}</em>
          ) : waiting && offline ? (
            <em>{t("note.unsaved")}</em>
          ) : (
            t("note.by", { author: note.author, time: ago(note.changedAt, now.value) })
          )}
        </span>
        <span class="note-tools">
          <span class="colors" role="group" aria-label={t("note.color")}>
            {kColors.map((color) => (
              <button
                key={color}
                type="button"
                class={`swatch ${color}`}
                aria-label={t(`color.${color}`)}
                aria-pressed={note.color === color}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => change({ mt: "EditNote", id: note.id, color })}
              />
            ))}
          </span>
          <Button
            icon="paperclip"
            kind="quiet"
            small
            label={t("file.attach")}
            onClick={() => picker.current?.click()}
            disabledReason={offline && t("reason.offline")}
          />
          {all.length > 1 && (
            <span class="move" title={t("note.move")}>
              <Icon name="moveTo" />
              <select
                aria-label={t("note.move")}
                value={note.board}
                onChange={(event) => {
                  const board = event.currentTarget.value;
                  const position = positionAt(notesOf(boards.value, board), 0);
                  change({ mt: "EditNote", id: note.id, board, position });
                }}
              >
                {all.map((board) => (
                  <option key={board.id} value={board.id}>
                    {board.title}
                  </option>
                ))}
              </select>
            </span>
          )}
          <Button icon="bin" kind="quiet" small label={t("note.remove")} onClick={remove} />
        </span>
      </footer>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          attach(note.id, event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
    </article>
  );
}

/** Saves half a second after the last key and when left; what others write meanwhile does not disturb. */
function Editor({ note, onDone }: { note: Note; onDone(): void }) {
  const [text, setText] = useState(note.text);
  const area = useRef<HTMLTextAreaElement>(null);
  const latest = useRef(text);
  latest.current = text;
  const saved = useRef(note.text);
  const over = encoder.encode(text).length - (session.value?.limits.text ?? Number.POSITIVE_INFINITY);
  const save = () => {
    const limit = session.value?.limits.text ?? Number.POSITIVE_INFINITY;
    if (latest.current === saved.current || encoder.encode(latest.current).length > limit) return;
    saved.current = latest.current;
    change({ mt: "EditNote", id: note.id, text: latest.current });
  };
  useEffect(() => {
    const timer = setTimeout(save, kSaveAfterMs);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    setWriting(note.id);
    const element = area.current!;
    element.focus();
    element.setSelectionRange(element.value.length, element.value.length);
    return save;
  }, []);
  useLayoutEffect(() => {
    const element = area.current!;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);
  return (
    <>
      <textarea
        ref={area}
        class="note-text"
        aria-label={t("note.edit")}
        aria-invalid={over > 0}
        placeholder={t("note.placeholder")}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={() => {
          save();
          onDone();
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey)))
            event.currentTarget.blur();
        }}
        onPaste={(event) => {
          const files = event.clipboardData?.files;
          if (!files?.length) return;
          event.preventDefault();
          attach(note.id, files);
        }}
      />
      {over > 0 && <p class="small error-text">{t("note.tooLong", { bytes: over })}</p>}
    </>
  );
}

function Attachments({ note }: { note: Note }) {
  if (note.files.length === 0) return null;
  return (
    <ul class="files">
      {note.files.map((file) => (
        <li key={file.id} class={isPicture(file) ? "picture" : undefined}>
          <a
            href={fileAddress(file)}
            target="_blank"
            rel="noopener"
            {...(isPicture(file) ? {} : { download: file.name })}
          >
            {isPicture(file) ? (
              <img src={fileAddress(file)} alt={file.name} loading="lazy" />
            ) : (
              <>
                <Icon name="file" />
                <span class="ellipsis">{file.name}</span>
                <span class="muted small nowrap">{size(file.size)}</span>
              </>
            )}
          </a>
          <RemoveFile file={file} />
        </li>
      ))}
    </ul>
  );
}

function RemoveFile({ file }: { file: NoteFile }) {
  return (
    <Button
      icon="close"
      kind="quiet"
      small
      class="late"
      label={t("file.remove", { name: file.name })}
      onClick={() => change({ mt: "RemoveFile", id: file.id })}
    />
  );
}
