import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Crumbs } from "../kit/components/layout";

interface PageHeadProps {
  title: string;
  crumbs?: [string, string?][];
  beside?: ComponentChildren;
  lead?: ComponentChildren;
  icon?: ComponentChildren;
  actions?: ComponentChildren;
}

export function PageHead({ title, crumbs, beside, lead, icon, actions }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} – Berth`;
  }, [title]);
  return (
    <div class="page-head">
      <div class="page-title">
        {crumbs && <Crumbs items={[...crumbs, [title]]} />}
        <div class="title-row">
          {icon}
          <div>
            <div class="title-line">
              <h1 class="break">{title}</h1>
              {beside}
            </div>
            {lead && <p class="muted">{lead}</p>}
          </div>
        </div>
      </div>
      {actions && <div class="page-actions">{actions}</div>}
    </div>
  );
}
