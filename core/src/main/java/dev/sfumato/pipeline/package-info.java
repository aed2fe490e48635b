/**
 * Model directories: {@link dev.sfumato.pipeline.DiffusionPipeline} loads and saves a model, {@link
 * dev.sfumato.pipeline.Inspection} describes the content of a directory or a tensor file.
 */
package dev.sfumato.pipeline;
