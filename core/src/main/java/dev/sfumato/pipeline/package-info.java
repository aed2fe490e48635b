/**
 * Model directories: {@link dev.sfumato.pipeline.DiffusionPipeline} loads and saves a model, {@link
 * dev.sfumato.pipeline.Inspection} tells what a directory or a tensor file holds.
 */
package dev.sfumato.pipeline;
