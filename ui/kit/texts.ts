// The few texts of the kit's own parts; pages have their own catalogues.
import { makeTexts } from "./i18n";
import de from "./texts/de.json";
import en from "./texts/en.json";

export const { t } = makeTexts<keyof typeof en>({ en, de });
