// Solves beside the page, so that drawing never waits.

import { solveOneElectron } from "./one_electron.js";
import { solveTwoElectrons } from "./two_electrons.js";

onmessage = ({ data: { potential, nPixels, length, n_electrons: n, interaction, strength } }) =>
  postMessage(n === 1 ? solveOneElectron(potential, nPixels, length) : solveTwoElectrons(potential, nPixels, length, interaction, strength));
