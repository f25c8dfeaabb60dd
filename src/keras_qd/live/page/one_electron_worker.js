// Solves beside the page, so that drawing never waits.

import { solveOneElectron } from "./one_electron.js";

onmessage = ({ data: { potential, nPixels, length } }) => postMessage(solveOneElectron(potential, nPixels, length));
