import { Button } from "../kit/components/button";
import { Empty } from "../kit/components/layout";
import { go } from "../kit/route";
import { t } from "./texts";

export function NotFound({ what }: { what: string }) {
  return (
    <Empty icon="search" title={what} action={<Button onClick={() => go("#/")}>{t("act.toOverview")}</Button>}>
      {t("notFound.why")}
    </Empty>
  );
}
