/**
 * Whole pieces of work on model directories and output directories: what the command line's
 * commands do. {@link dev.sfumato.pipeline.DiffusionPipeline} loads and saves a model, {@link
 * dev.sfumato.pipeline.TrainingRun} trains one and keeps its output directory.
 */
package dev.sfumato.pipeline;
