package dev.sfumato.springai;

import dev.sfumato.ArchitectureTest;

/** The rules of all modules for this one. */
class ModulesTest extends ArchitectureTest {}
