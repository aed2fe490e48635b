/**
 * Complete training runs and their output directories. Start with {@link dev.sfumato.run.Training},
 * which describes one and runs it: metrics, curves, sample grids, checkpoints, the report and the
 * model card are kept in an {@link dev.sfumato.run.OutputDirectory}.
 */
package dev.sfumato.run;
