import "./styles/base.css";
import { render } from "preact";

render(<main>Gatehouse</main>, document.getElementById("app")!);
