// Run the checks of a client and write what each gave to the file named in CHECKS.
import { appendFileSync } from "node:fs";

export const URL = `${process.env.CHECK_URL}/v1`;
export const MODEL_URL = `${process.env.CHECK_MODEL_URL}/v1`;
export const SEVERAL_URL = `${process.env.CHECK_SEVERAL_URL}/v1`;
export const MCP_URL = process.env.CHECK_MCP_URL;
export const MCP_ARGUMENTS = ["-c", process.env.CHECK_FOLDER, "mcp"];
export const QUESTION = "how long may parents be absent?";
export const ANSWER = "26 weeks";

export function expect(condition, detail) {
  if (!condition) throw new Error(typeof detail === "string" ? detail : JSON.stringify(detail));
}

export async function run(checks) {
  for (const [name, check] of Object.entries(checks)) {
    const row = { name, passed: true };
    try {
      await check();
    } catch (error) {
      row.passed = false;
      row.detail = String(error?.stack ?? error).slice(0, 600);
    }
    appendFileSync(process.env.CHECKS, `${JSON.stringify(row)}\n`);
  }
  process.exit(0);
}
