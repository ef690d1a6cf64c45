// The lucide icons that are used, bundled one by one as inline SVG: their colour is the text's colour.

import arrowUp from "lucide-static/icons/arrow-up.svg";
import external from "lucide-static/icons/arrow-up-right.svg";
import bell from "lucide-static/icons/bell.svg";
import bellOff from "lucide-static/icons/bell-off.svg";
import boxes from "lucide-static/icons/boxes.svg";
import monitoring from "lucide-static/icons/chart-line.svg";
import check from "lucide-static/icons/check.svg";
import chevronDown from "lucide-static/icons/chevron-down.svg";
import chevronRight from "lucide-static/icons/chevron-right.svg";
import ok from "lucide-static/icons/circle-check.svg";
import error from "lucide-static/icons/circle-x.svg";
import copy from "lucide-static/icons/copy.svg";
import backups from "lucide-static/icons/database-backup.svg";
import download from "lucide-static/icons/download.svg";
import more from "lucide-static/icons/ellipsis.svg";
import eye from "lucide-static/icons/eye.svg";
import eyeOff from "lucide-static/icons/eye-off.svg";
import file from "lucide-static/icons/file.svg";
import overview from "lucide-static/icons/gauge.svg";
import history from "lucide-static/icons/history.svg";
import key from "lucide-static/icons/key-round.svg";
import list from "lucide-static/icons/list-checks.svg";
import lock from "lucide-static/icons/lock.svg";
import menu from "lucide-static/icons/menu.svg";
import moon from "lucide-static/icons/moon.svg";
import paperclip from "lucide-static/icons/paperclip.svg";
import pause from "lucide-static/icons/pause.svg";
import pencil from "lucide-static/icons/pencil.svg";
import play from "lucide-static/icons/play.svg";
import plus from "lucide-static/icons/plus.svg";
import printer from "lucide-static/icons/printer.svg";
import refresh from "lucide-static/icons/refresh-cw.svg";
import restart from "lucide-static/icons/rotate-cw.svg";
import log from "lucide-static/icons/scroll-text.svg";
import search from "lucide-static/icons/search.svg";
import settings from "lucide-static/icons/settings-2.svg";
import shield from "lucide-static/icons/shield-check.svg";
import shieldOff from "lucide-static/icons/shield-off.svg";
import stop from "lucide-static/icons/square.svg";
import moveTo from "lucide-static/icons/square-arrow-right.svg";
import store from "lucide-static/icons/store.svg";
import sun from "lucide-static/icons/sun.svg";
import wrap from "lucide-static/icons/text-wrap.svg";
import bin from "lucide-static/icons/trash-2.svg";
import alert from "lucide-static/icons/triangle-alert.svg";
import undo from "lucide-static/icons/undo-2.svg";
import unplug from "lucide-static/icons/unplug.svg";
import upload from "lucide-static/icons/upload.svg";
import users from "lucide-static/icons/users.svg";
import close from "lucide-static/icons/x.svg";

const icons = {
  alert,
  arrowUp,
  backups,
  bell,
  bellOff,
  bin,
  boxes,
  check,
  chevronDown,
  chevronRight,
  close,
  copy,
  download,
  error,
  external,
  eye,
  eyeOff,
  file,
  history,
  key,
  list,
  lock,
  log,
  menu,
  monitoring,
  moon,
  more,
  moveTo,
  ok,
  overview,
  paperclip,
  pause,
  pencil,
  play,
  plus,
  printer,
  refresh,
  restart,
  search,
  settings,
  shield,
  shieldOff,
  stop,
  store,
  sun,
  undo,
  unplug,
  upload,
  users,
  wrap,
};

export type IconName = keyof typeof icons;

/** Decoration only: hidden from screen readers, so the control beside it needs its own words. */
export function Icon({ name, class: extra = "" }: { name: IconName; class?: string }) {
  return (
    <span
      class={`icon ${extra}`}
      aria-hidden="true"
      // The markup comes from the bundle, never from data.
      dangerouslySetInnerHTML={{ __html: icons[name] }}
    />
  );
}
