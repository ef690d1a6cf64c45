import { makeTexts } from "../../../ui/kit/i18n";
import de from "./texts/de.json";
import en from "./texts/en.json";

export type Key = keyof typeof en;
export const { t, tn } = makeTexts<Key>({ en, de });
