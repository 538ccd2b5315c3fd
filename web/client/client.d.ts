/** @import * as T from "./types.js" */
import type * as T from "./types.js";
/** A refusal: its problem document and its fix. */
export declare class BFFError extends Error {
    problem: T.Problem;
    fix: T.Fix | undefined;
    /** @param {T.Problem} problem */
    constructor(problem: T.Problem);
}
export declare class LoginRequiredError extends BFFError {
}
export declare class ConsentRequiredError extends BFFError {
}
export declare class ReconnectRequiredError extends BFFError {
}
/** @type {(options?: T.ClientOptions) => T.Client} */
export declare const createClient: (options?: T.ClientOptions) => T.Client;
