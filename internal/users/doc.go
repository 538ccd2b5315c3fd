// Package users decides who may sign in, and which rights a user has.
//
// It owns the rules of users.allow and users.rights, the reading of rights from a provider's claims, and the protocol
// of the hook. It refuses to store anything and knows neither sessions nor requests: who calls it brings what is
// known of the user and keeps what was decided.
//
//	Policy.SignIn   allow by e-mail ─► hook ─► rights ─► allow by right ─► Decision
//	                       │            │                      │
//	                       └─ErrNotAllowed, ErrHookFailed──────┘
//	Policy.Rights   the rights of one account, again, when a refresh brought new claims
//
// # The rules are
//
//  1. An e-mail address counts only where the provider says that it is verified, and only in the plain form
//     local@domain: with one @, no space, no quotes. Upper case is lower case, in ASCII only.
//  2. Rights by rules and claims belong to the account that they were read from. A session has those of the account it
//     was signed in with, those of the hook, and those that an administrator set; nothing else.
//  3. What cannot be read gives no right. An answer of the hook that cannot be read in full is no answer.
//  4. A hook's 403 is a decision, whatever `required` says. Everything else that is not a 200 of the right shape is a
//     failure, and then `required` decides.
package users
