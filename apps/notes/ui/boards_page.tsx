import { useSignal } from "@preact/signals";
import { Button } from "../../../ui/kit/components/button";
import { Empty } from "../../../ui/kit/components/layout";
import { Icon } from "../../../ui/kit/icons";
import { randomUuid } from "../../../ui/kit/login";
import { BoardColumn } from "./board_column";
import { boards, change, link, loaded, unsaved } from "./connection";
import { Head } from "./head";
import { positionAt, sortedBoards } from "./model";
import { t, tn } from "./texts";

export function BoardsPage() {
  const wanted = useSignal("");
  const list = sortedBoards(boards.value);
  const addBoard = () =>
    change({ mt: "AddBoard", id: randomUuid(), title: t("board.new"), position: positionAt(list, list.length) });
  return (
    <div class="notes">
      <Head wanted={wanted} />
      <OfflineBanner />
      {loaded.value && list.length === 0 ? (
        <Empty
          icon="list"
          title={t("board.first")}
          action={
            <Button kind="primary" icon="plus" onClick={addBoard}>
              {t("board.add")}
            </Button>
          }
        >
          {t("board.firstWhy")}
        </Empty>
      ) : (
        <main class="columns">
          {list.map((board, i) => (
            <BoardColumn key={board.id} board={board} boards={list} index={i} wanted={wanted.value} />
          ))}
          {loaded.value && (
            <Button kind="quiet" icon="plus" class="add-board" onClick={addBoard}>
              {t("board.add")}
            </Button>
          )}
        </main>
      )}
    </div>
  );
}

function OfflineBanner() {
  const state = link.state.value;
  if (state.name === "open" || state.name === "idle") return null;
  const kept = unsaved.value.size;
  return (
    <div class="banner" role="status">
      <Icon name="unplug" />
      <span class="grow">
        {state.name === "waiting" ? (kept ? tn("banner.unsaved", kept) : t("banner.waiting")) : t("banner.connecting")}
      </span>
      {state.name === "waiting" && (
        <Button small onClick={() => link.retryNow()}>
          {t("banner.retry")}
        </Button>
      )}
    </div>
  );
}
