// The page of the second front: who is signed in here, and what to do about it.
const who = document.querySelector('#who')
const actions = document.querySelector('#actions')

function button(label, body) {
  const b = document.createElement('button')
  b.textContent = label
  b.addEventListener('click', async () => {
    await fetch('/bff/logout', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
    location.reload()
  })
  actions.append(b)
}

const session = await (await fetch('/bff/session')).json()
if (session.authenticated) {
  who.textContent = `Signed in as ${session.user.name}.`
  button('Sign out here', {})
  button('Sign out everywhere', { everywhere: true })
} else {
  who.textContent = 'Nobody is signed in here.'
  const a = document.createElement('a')
  a.id = 'sign-in'
  a.href = session.providers[0].login_url
  a.textContent = 'Sign in'
  actions.append(a)
}
