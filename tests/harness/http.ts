// Plain HTTP and HTTPS requests, with nothing hidden: no redirects, no pooling, self-signed certificates accepted.
import { type IncomingHttpHeaders, request as http_request } from "node:http";
import { request as https_request } from "node:https";
import { within } from "./wait";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

export async function fetch_url(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: Buffer | string; ms?: number } = {},
): Promise<Answer> {
  const secure = url.startsWith("https:");
  const answer = new Promise<Answer>((resolve, reject) => {
    const request = (secure ? https_request : http_request)(
      url,
      {
        method: options.method ?? "GET",
        headers: options.headers ?? {},
        agent: false,
        ...(secure ? { rejectUnauthorized: false } : {}),
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("aborted", () => reject(new Error("the answer was cut off")));
        response.on("end", () => {
          const body = Buffer.concat(parts);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString("utf8") });
        });
      },
    );
    request.on("error", reject);
    request.end(options.body);
  });
  return within(`${options.method ?? "GET"} ${url}`, options.ms ?? 60_000, answer);
}
