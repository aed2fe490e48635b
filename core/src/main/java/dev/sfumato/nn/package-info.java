/**
 * Building blocks of neural networks. A {@link dev.sfumato.nn.Module} is a plain class whose fields
 * are its schema: tensors and {@link dev.sfumato.nn.AdaptedWeight}s are parameters, modules and
 * lists of modules are children, and their names in a checkpoint are read off the fields.
 */
package dev.sfumato.nn;
