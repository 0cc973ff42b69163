// Pages that follow what happens, and need nothing more for it than to be read anew.

import { keepUp } from "./refresh.js";

keepUp();
