import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BFFProvider } from "bff-client/react";
import { App } from "./App.jsx";
import { bff } from "./bff.js";
import "./style.css";

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <BFFProvider client={bff}>
      <App />
    </BFFProvider>
  </StrictMode>,
);
