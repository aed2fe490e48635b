package dev.sfumato.cli;

import dev.sfumato.ArchitectureTest;

/** The rules of all modules together. */
class ModulesTest extends ArchitectureTest {}
