"""Vocabulary: the settings of one process, where each value came from, and the files they may be in.

``Settings`` is what other rooms hold; ``settings`` reads the environment, and nothing else in the engine does.
"""

from runwright.config.settings import MAX_CONCURRENT_NON_EXCLUSIVE_TASKS, SettingRow, Settings

__all__ = ["MAX_CONCURRENT_NON_EXCLUSIVE_TASKS", "SettingRow", "Settings"]
