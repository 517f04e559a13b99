# SPDX-License-Identifier: Apache-2.0
"""The promises made to users, one test per sentence.

A test's name paraphrases the sentence and its docstring quotes it. The tests were written from the
promises alone, not from the code that keeps them; witnesses are other engines and the file system.
"""
